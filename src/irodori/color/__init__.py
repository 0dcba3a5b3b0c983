"""Colour science on numpy arrays: CIE Lab, the sRGB gamut, the 313 ab bins, guided upsampling."""
