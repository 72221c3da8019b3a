"""Several complementary resources: joint dual, interior point, alternate convex search."""
