"""Calendar links and meetings of orders."""
