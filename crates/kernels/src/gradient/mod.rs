//! What training needs besides: gradients of products, swish and layer normalisation.

mod matrix;
mod normalize;
mod swish;

pub use matrix::MatrixGradient;
