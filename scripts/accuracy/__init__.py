"""What accuracy is measured with: pictures and their truth, the stacks beside one another, scores, tables and plots."""
