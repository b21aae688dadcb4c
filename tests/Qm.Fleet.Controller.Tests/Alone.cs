namespace Qm.Fleet.Controller.Tests;

/// <summary>Tests that run while no others do: they measure what the process holds, or take what others need.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
