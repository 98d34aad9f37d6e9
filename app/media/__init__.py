"""Media: uploaded pictures, prepared for the shop and kept in the edge's folder or a bucket."""
