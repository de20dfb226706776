//! One file a part of a provider's life.

mod bonds;
mod draws;
mod properties;
mod registration;
mod registry;
mod scale;
mod standing;
mod stuffing;
mod views;
