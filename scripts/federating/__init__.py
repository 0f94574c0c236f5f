"""What a linked state is measured by: entries to boxes, hits to cities that asked, backlogs against live traffic."""
