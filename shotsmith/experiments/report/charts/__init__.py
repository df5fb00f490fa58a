"""Charts as Vega-Lite specifications, plain JSON."""
