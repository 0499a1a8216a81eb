//! Paired forecasts with and without an edit: experiments, controls, differences, physical consistency.
