include $(sort $(wildcard $(BR2_EXTERNAL_TENUTO_PATH)/package/*/*.mk))
