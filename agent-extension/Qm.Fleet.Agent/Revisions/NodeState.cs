using System.Text.Json;
using System.Text.Json.Serialization;
using Qm.Fleet.Agent.CommitConfirm;
using Qm.Fleet.Agent.Rootfs;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Secrets;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>What the agent has put in place: <c>state.json</c>.</summary>
internal sealed record NodeState
{
    /// <summary>A node nothing was ever committed on.</summary>
    public static NodeState Empty { get; } = new();

    /// <summary>How many commits led here; tells whether a journal's commit has arrived.</summary>
    public long Sequence { get; init; }

    /// <summary>The revision whose files are in place; empty when none.</summary>
    public string Revision { get; init; } = "";

    /// <summary>Whether it was confirmed.</summary>
    public bool Confirmed { get; init; }

    /// <summary>The files the agent wrote and has not removed since.</summary>
    public IReadOnlyList<PlacedFile> Files { get; init; } = [];

    /// <summary>Workloads removed since the last confirmation.</summary>
    public IReadOnlyList<string> RetiredWorkloads { get; init; } = [];

    /// <summary>Safety units that lost their drop-ins since the last confirmation.</summary>
    public IReadOnlyList<string> RetiredSafetyUnits { get; init; } = [];

    /// <summary>Resource control keys dropped since the last confirmation.</summary>
    public IReadOnlyList<string> RetiredProperties { get; init; } = [];

    /// <summary>Until when the revision must be confirmed; null when it may take for ever.</summary>
    public ConfirmDeadline? Deadline { get; init; }

    /// <summary>The revision the agent went back from last; null once it is staged again.</summary>
    public RevertedRevision? Reverted { get; init; }

    /// <summary>Restarts that the way back still owes; null when none.</summary>
    public OwedRestarts? Owed { get; init; }

    /// <summary>When the configuration of the host's BlueChi agent was last written or removed; null when never.</summary>
    public NodeMoment? HostAgentConfChanged { get; init; }

    /// <summary>The archive of the committed rootfs slot; empty when the rootfs is not the agent's.</summary>
    public string Rootfs { get; init; } = "";

    /// <summary>The archive of the slot before, kept for the way back: the one of the last confirmed revision with another; empty when none.</summary>
    public string PreviousRootfs { get; init; } = "";

    /// <summary>What was found in /etc when the slot was committed.</summary>
    public EtcDifferences EtcDifferences { get; init; } = EtcDifferences.None;
}

/// <summary>A file the agent wrote.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">The workload's name or the safety unit's full name; empty for the other kinds.</param>
/// <param name="Path">Where it was put.</param>
/// <param name="Sha256">SHA-256 of what was written, 64 lower-case hex digits.</param>
/// <param name="CommittedAtMicroseconds">CLOCK_MONOTONIC when it was in place, in the boot <paramref name="BootId"/>.</param>
/// <param name="BootId">The kernel's boot id then.</param>
internal sealed record PlacedFile(OwnedFileKind Kind, string Name, OwnedPath Path, string Sha256, long CommittedAtMicroseconds, string BootId);

/// <summary>A revision that passed its checks and waits for its commit: <c>staged.json</c>.</summary>
/// <param name="Revision">Its name.</param>
/// <param name="Files">Its files.</param>
/// <param name="Rootfs">The archive its rootfs comes from; null when the rootfs is not the agent's.</param>
internal sealed record StagedRevision(string Revision, IReadOnlyList<OwnedFile> Files, RootfsArchive? Rootfs = null);

/// <summary>The last confirmed revision as it was found when the first commit after it began, for the way back: <c>previous.json</c>.</summary>
internal sealed record PreviousRevision(string Revision, IReadOnlyList<PreviousFile> Files)
{
    /// <summary>The archive of its rootfs slot, which stays for as long as this does; empty when the rootfs is not the agent's.</summary>
    public string Rootfs { get; init; } = "";
}

/// <summary>A file of the previous revision, byte for byte as it was found on disk.</summary>
internal sealed record PreviousFile(OwnedFileKind Kind, string Name, OwnedPath Path, byte[] Content);

/// <summary>A commit under way: <c>journal.json</c>. How it ends after a crash is told by <see cref="Applying"/>.</summary>
internal sealed record Journal
{
    /// <summary>False: nothing has taken effect and the commit will be undone. True: every file is ready and it will be finished.</summary>
    public bool Applying { get; init; }

    /// <summary>The revision being committed, with its content; that of a way back is <see cref="WayBackTo"/>.</summary>
    public required StagedRevision Target { get; init; }

    /// <summary>Every file to write or remove.</summary>
    public required IReadOnlyList<FileChange> Changes { get; init; }

    /// <summary>Directories that did not exist, parents first.</summary>
    public required IReadOnlyList<OwnedPath> NewDirectories { get; init; }

    /// <summary>The state once it is done; times of changed files are filled in then.</summary>
    public required NodeState Next { get; init; }

    /// <summary>What becomes <c>previous.json</c>; null to leave that as it is.</summary>
    public PreviousRevision? Previous { get; init; }

    /// <summary>How long to wait for the confirmation, in milliseconds; 0 for ever.</summary>
    public long ConfirmWithinMilliseconds { get; init; }

    /// <summary>What the agent goes back to by itself, with its content; null for a commit that was asked for.</summary>
    public PreviousRevision? WayBackTo { get; init; }
}

/// <summary>One file of a commit.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">The workload's name or the safety unit's full name; empty for the other kinds.</param>
/// <param name="Path">Where it lies.</param>
/// <param name="OldSha256">SHA-256 of what is replaced; null when there is nothing.</param>
/// <param name="NewSha256">SHA-256 of what will be there; null to remove.</param>
internal sealed record FileChange(OwnedFileKind Kind, string Name, OwnedPath Path, string? OldSha256, string? NewSha256);

/// <summary>An address as it is stored: whole, in a directory that is root's own. Everywhere else JSON has none of its secrets.</summary>
internal sealed class StoredUrl : JsonConverter<SecretUrl>
{
    /// <inheritdoc/>
    public override SecretUrl Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetString() ?? "");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, SecretUrl value, JsonSerializerOptions options) => writer.WriteStringValue(value.Reveal());
}

/// <summary>JSON of the state directory, without reflection.</summary>
[JsonSourceGenerationOptions(Converters = [typeof(StoredUrl)], WriteIndented = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(NodeState))]
[JsonSerializable(typeof(StagedRevision))]
[JsonSerializable(typeof(PreviousRevision))]
[JsonSerializable(typeof(Journal))]
internal sealed partial class StateJson : JsonSerializerContext;
