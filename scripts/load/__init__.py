"""Load for a city: a fleet of boxes, a publisher that costs little, and what each part of the city spent."""
