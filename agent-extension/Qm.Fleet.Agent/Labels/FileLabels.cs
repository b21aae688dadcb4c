using System.Collections.Immutable;
using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Facts;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Agent.Revisions;
using Qm.Fleet.Agent.Rootfs;
using Selinux = Qm.Fleet.V1.Facts.Types.Selinux;

namespace Qm.Fleet.Agent.Labels;

/// <summary>Gives files the SELinux labels that the node's policy has for their places; where SELinux is off, nothing is done at all.</summary>
/// <param name="root">The node.</param>
/// <param name="programs">Its programs, of which restorecon is needed.</param>
internal sealed class FileLabels(NodeRoot root, NodePrograms programs)
{
    private const string Restorecon = "restorecon";
    private const int SaidLengthMax = 500;

    // A rootfs is a hundred thousand files on the flash of an ECU.
    private static readonly TimeSpan TreeDeadline = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan FilesDeadline = TimeSpan.FromSeconds(30);

    private readonly EquivalenceRules _rules = new(root);

    // What restorecon last left in place: the policy's word, without asking it again at every look at the node.
    private IReadOnlyDictionary<string, string> _given = ImmutableDictionary<string, string>.Empty;

    /// <summary>Whether the kernel has SELinux and it is switched on, permissive or not.</summary>
    public bool IsOn => SelinuxMode.Read(new Findings(root)) is Selinux.Enforcing or Selinux.Permissive;

    /// <summary>Labels a slot that is being unpacked, as it shall be under its own name; it has rules under both names then.</summary>
    /// <param name="sha256">The slot's archive.</param>
    /// <param name="complete">Archives of the slots that keep their rules.</param>
    /// <param name="cancellationToken">Gives up; what was labelled until then stays so.</param>
    /// <exception cref="CommandRefusedException">NotLabelled: what could not be done, and why.</exception>
    public async Task LabelAsync(string sha256, IEnumerable<string> complete, CancellationToken cancellationToken)
    {
        if (!IsOn)
        {
            return;
        }

        try
        {
            _rules.Set([.. complete.Union([sha256, sha256 + SlotDirectory.Partial])]);
        }
        catch (NodeFileException e)
        {
            throw new CommandRefusedException("NotLabelled",
                $"SELinux is on, and rootfs {sha256} cannot be given the labels of {EquivalenceRules.Original}: the agent {e.Message}. Install the SELinux policy of QM, or make {_rules.Path} writable.");
        }

        await RunAsync(["-R", "-F", $"{Core.Revisions.RootfsSlot.Directory}/{sha256}{SlotDirectory.Partial}"], TreeDeadline, $"rootfs {sha256}", cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Keeps rules for complete slots only. A rule goes before its slot, so that no slot is ever gone and its rule left.</summary>
    /// <param name="complete">Archives of the slots that stay.</param>
    /// <exception cref="NodeFileException">The disk refused; the rules are as before.</exception>
    public void Keep(IEnumerable<string> complete)
    {
        var kept = _rules.Names.Intersect(complete, StringComparer.Ordinal).ToArray();
        if (kept.Length < _rules.Names.Count)
        {
            _rules.Set(kept);
        }
    }

    /// <summary>Labels files; those whose label is right already are left alone, as are those that somebody removed, which is told as drift.</summary>
    /// <exception cref="CommandRefusedException">NotLabelled: what could not be done, and why.</exception>
    public async Task RestoreAsync(IReadOnlyCollection<string> files, CancellationToken cancellationToken)
    {
        _given = ImmutableDictionary<string, string>.Empty;
        if (files.Count > 0 && IsOn)
        {
            await RunAsync(["-i", .. files], FilesDeadline, string.Join(", ", files), cancellationToken).ConfigureAwait(false);
            _given = files.Select(file => (Path: file, Label: LabelOf(file))).Where(file => file.Label.Length > 0).ToDictionary(file => file.Path, file => file.Label, StringComparer.Ordinal);
        }
    }

    /// <summary>The files that <see cref="RestoreAsync"/> labelled last and that have another label since; one that is gone, or cannot be read, is not among them.</summary>
    public IReadOnlyList<MislabelledFile> Mislabelled() =>
        [.. _given.Select(file => new MislabelledFile(file.Key, file.Value, LabelOf(file.Key))).Where(file => file.Found.Length > 0 && file.Found != file.Wanted).OrderBy(file => file.Path, StringComparer.Ordinal)];

    private string LabelOf(string file)
    {
        try
        {
            using var opened = root.OpenFile(file);
            return TreeCalls.Label(opened, file);
        }
        catch (NodeFileException)
        {
            // Whether it can be read is told of the file itself.
            return "";
        }
    }

    private async Task RunAsync(string[] arguments, TimeSpan deadline, string what, CancellationToken cancellationToken)
    {
        var command = new NodeCommand(Restorecon, arguments) { Deadline = deadline };
        var result = await programs.RunAsync(command, cancellationToken).ConfigureAwait(false);
        if (!result.Succeeded)
        {
            var why = result.End switch
            {
                ProgramEnd.NotRun => $"{result.Errors} Install policycoreutils.",
                ProgramEnd.TimedOut => $"it did not end within {deadline.TotalSeconds:0} s; try again.",
                _ => FormattableString.Invariant($"it ended with {result.ExitCode}: {Shorten(result.Errors)}"),
            };
            throw new CommandRefusedException("NotLabelled", $"SELinux is on, and {what} did not get its labels, without which QM may not read it: {command}: {why}");
        }
    }

    private static string Shorten(string text) => text.Trim() is { Length: > 0 } said ? said[..Math.Min(said.Length, SaidLengthMax)] : "it gave no reason.";
}

/// <summary>A file whose SELinux label is not the one it was given.</summary>
/// <param name="Path">Where it lies, from the node's root.</param>
/// <param name="Wanted">The label that the node's policy has for its place.</param>
/// <param name="Found">The label it has.</param>
internal sealed record MislabelledFile(string Path, string Wanted, string Found);
