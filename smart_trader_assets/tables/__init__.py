"""This pipeline's tables: their columns and states, what is due in them, and how states move."""
