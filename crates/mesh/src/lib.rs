//! Icosahedral multi-mesh, lat-lon grid with its area weights, the edges between them, their geometric features, and interpolation both ways.
