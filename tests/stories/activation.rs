//! Codes reach humans.
