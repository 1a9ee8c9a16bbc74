// Two networks at full speed at a time would measure each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
