//! Sample formats and the kernels between them: packing, gain, dither, and the plan that chooses the wire format.
