//! The web atlas and the report: maps, feature pages, plots.
