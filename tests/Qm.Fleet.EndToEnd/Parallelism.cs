// Every test starts a lab of a dozen processes; side by side they would only wait for each other, and for the same port.
[assembly: Xunit.CollectionBehavior(DisableTestParallelization = true)]
