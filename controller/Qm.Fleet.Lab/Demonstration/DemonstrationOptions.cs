using Qm.Fleet.Lab.Processes;

namespace Qm.Fleet.Lab.Demonstration;

/// <summary>What the lab's command line asks for.</summary>
/// <param name="Lab">What the lab consists of.</param>
/// <param name="Manifest">The manifest to apply.</param>
/// <param name="Once">Whether to end when all nodes have converged.</param>
/// <param name="ProveQuiet">Whether to apply the manifest a second time and demand that nothing happens.</param>
/// <param name="Bench">Whether to print durations and memory.</param>
internal sealed record DemonstrationOptions(LabOptions Lab, string Manifest, bool Once, bool ProveQuiet, bool Bench);
