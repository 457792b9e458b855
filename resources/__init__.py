"""Resources: what assets and sensors open per run, built from the settings; and Dagster's event log."""
