"""What the box itself serves, and only on the technician's request: the aiming page. `page/` holds its files."""
