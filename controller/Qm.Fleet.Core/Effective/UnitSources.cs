using System.Collections.Immutable;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Core.Effective;

/// <summary>The files of a unit that is made of a quadlet, as they lie on a node; drop-ins are those in force, in their order.</summary>
public sealed record UnitSources
{
    // What the generator writes of its own accord, Podman 5. Anything else it has that no file says is left from before.
    private static readonly (string Section, string Key)[] GeneratorsOwn =
    [
        ("Service", "KillMode"), ("Service", "ExecReload"), ("Service", "ExecStart"), ("Service", "ExecStop"), ("Service", "ExecStopPost"), ("Service", "Delegate"),
        ("Service", "Type"), ("Service", "NotifyAccess"), ("Service", "SyslogIdentifier"), ("Unit", "SourcePath"), ("Unit", "RequiresMountsFor"),
    ];

    private const string PodmansVariable = "PODMAN_SYSTEMD_UNIT=";

    // Sections that systemd does not know: only the generator reads them.
    private static readonly string[] QuadletSections = ["Container", "Quadlet"];

    /// <summary>The quadlet; null when there is none.</summary>
    public UnitFile? Quadlet { get; init; }

    /// <summary>Its drop-ins.</summary>
    public ImmutableArray<UnitFile> QuadletDropIns { get; init; } = [];

    /// <summary>What the generator made of them at systemd's last reload; null when there is nothing.</summary>
    public UnitFile? Generated { get; init; }

    /// <summary>A main file in a directory that is stronger than the generator's, so that systemd reads nothing of the quadlet; null when there is none.</summary>
    public UnitFile? Main { get; init; }

    /// <summary>Drop-ins of the unit itself, those of system.control included.</summary>
    public ImmutableArray<UnitFile> DropIns { get; init; } = [];

    /// <summary>The unit as systemd reads it once it reloads.</summary>
    /// <remarks>The generator merges the quadlet's drop-ins into the unit's main file, so all of them are weaker than any drop-in of the unit.</remarks>
    /// <param name="problems">Told what has no effect, or not yet: a sentence each.</param>
    public MergedUnit Merge(ICollection<string> problems)
    {
        foreach (var problem in new[] { Quadlet, Main }.OfType<UnitFile>().Concat(QuadletDropIns).Concat(DropIns).SelectMany(file => file.Problems))
        {
            problems.Add($"{problem}.");
        }

        var main = Main ?? new UnitFile(Quadlet?.Origin ?? "", MergeQuadlet(problems), []);
        if (Main is { } hiding)
        {
            problems.Add(hiding.Entries.Length == 0
                ? $"{hiding.Origin} is empty and masks the unit: systemd does not start it; remove the file."
                : $"{hiding.Origin} takes the place of the unit that the generator makes, so nothing of the quadlet counts; remove the file.");
        }

        foreach (var entry in DropIns.SelectMany(file => file.Entries).Where(entry => QuadletSections.Contains(entry.Section)))
        {
            problems.Add($"{entry.Origin}:{entry.Line}: systemd does not know [{entry.Section}], so {entry.Key}= has no effect there; put it into a drop-in of the quadlet.");
        }

        return UnitFileMerger.Merge(main, DropIns.Select(file => file with { Entries = file.Entries.RemoveAll(entry => QuadletSections.Contains(entry.Section)) }));
    }

    private ImmutableArray<UnitEntry> MergeQuadlet(ICollection<string> problems)
    {
        var sources = Quadlet is null ? new([]) : UnitFileMerger.Merge(Quadlet, QuadletDropIns);
        if (Generated is null)
        {
            problems.Add(Quadlet is null ? "There is no quadlet."
                : $"There is no {UnitSearch.GeneratorDirectory}/{UnitSearch.NameOf(Quadlet.Origin).Replace(".container", ".service", StringComparison.Ordinal)}: systemd was not reloaded, or the generator refused the quadlet.");
            return sources.Entries;
        }

        var generated = new MergedUnit([.. Generated.Entries.Select(WithoutMark)]);
        List<UnitEntry> merged = [];
        List<string> stale = [];
        foreach (var (section, key) in sources.Keys.Union(generated.Keys))
        {
            var said = Of(sources, section, key);
            var (own, isStale) = Own(said, Of(generated, section, key), section, key);
            merged.AddRange(said.Concat(own));
            // What is set live, or in the unit's own drop-ins, is in force whatever the quadlet says.
            if (isStale && (UnitKeys.KindOf(section, key) != UnitKeyKind.OneValue || !DropIns.Any(file => file.Entries.Any(entry => entry.Section == section && entry.Key == key))))
            {
                stale.Add($"{key}=");
            }
        }

        if (stale.Count > 0)
        {
            problems.Add($"{Generated.Origin} is older than the quadlet's files and has another {string.Join(", ", stale)}: systemctl daemon-reload, and a restart where the key needs one, put them in force.");
        }

        return [.. merged];
    }

    // What the generator added after what the files say, and whether it was made from other files than there are now.
    private static (IEnumerable<UnitEntry> Own, bool IsStale) Own(UnitEntry[] said, UnitEntry[] made, string section, string key)
    {
        var rest = new Queue<UnitEntry>(said);
        List<UnitEntry> added = [];
        foreach (var entry in made)
        {
            if (rest.TryPeek(out var next) && next.Value == entry.Value)
            {
                rest.Dequeue();
            }
            else
            {
                added.Add(entry);
            }
        }

        // It has names of other quadlets in dependencies as their units, and adds some of its own.
        if (UnitKeys.KindOf(section, key) == UnitKeyKind.Dependency)
        {
            return (added.Where(entry => rest.Count == 0), false);
        }

        var own = added.Where(entry => GeneratorsOwn.Contains((section, key)) || entry.Value.StartsWith(PodmansVariable, StringComparison.Ordinal)).ToArray();
        var isStale = UnitKeys.KindOf(section, key) == UnitKeyKind.OneValue
            ? said.LastOrDefault()?.Value != made.Except(own).LastOrDefault()?.Value
            : rest.Count > 0 || own.Length < added.Count;
        return (own, isStale);
    }

    private static UnitEntry[] Of(MergedUnit unit, string section, string key) => [.. unit.Entries.Where(entry => entry.Section == section && entry.Key == key)];

    // The generator keeps the quadlet's own sections under names that systemd leaves alone.
    private static UnitEntry WithoutMark(UnitEntry entry) =>
        entry.Section.StartsWith("X-", StringComparison.Ordinal) && QuadletSections.Contains(entry.Section[2..]) ? entry with { Section = entry.Section[2..] } : entry;
}
