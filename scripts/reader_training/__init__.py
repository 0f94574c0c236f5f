"""Training of the plate reader: from shards of pressed plates and real photographs to one OpenVINO model."""
