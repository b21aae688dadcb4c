using System.Collections.Immutable;
using Qm.Fleet.Core.BlueChiConf;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Core.Effective;

/// <summary>One assignment of a setting.</summary>
/// <param name="Value">As the file has it; an empty one resets.</param>
/// <param name="File">Where it stands, from the node's root.</param>
/// <param name="Line">The line there, from 1; 0 where it is not known.</param>
/// <param name="Layer">What kind of file that is.</param>
/// <param name="Counts">Whether it is part of the value in force.</param>
public sealed record EffectiveAssignment(string Value, string File, int Line, ConfigurationLayer Layer, bool Counts);

/// <summary>A setting with everything that is said of it.</summary>
/// <param name="Subject">Whose configuration.</param>
/// <param name="Section">Its section, without brackets.</param>
/// <param name="Key">Its key.</param>
/// <param name="IsList">Whether several assignments can count at once.</param>
/// <param name="Chain">Every assignment, the strongest first.</param>
public sealed record EffectiveSetting(ConfigurationOf Subject, string Section, string Key, bool IsList, ImmutableArray<EffectiveAssignment> Chain)
{
    /// <summary>The value in force: the last assignment's, of a list all that count in the order they are read, a blank between them; empty for the default.</summary>
    public string Value => string.Join(' ', Chain.Where(assignment => assignment.Counts).Select(assignment => assignment.Value).Reverse());

    /// <summary>Every setting of a unit.</summary>
    /// <param name="unit">Merged from its files.</param>
    /// <param name="isOwned">Whether QM Fleet wrote a file.</param>
    public static IEnumerable<EffectiveSetting> OfUnit(MergedUnit unit, Func<string, bool> isOwned) =>
        from name in unit.Keys
        let chain = unit.Chain(name.Section, name.Key).Select(link => new EffectiveAssignment(
            link.Entry.Value, link.Entry.Origin, link.Entry.Line, ConfigurationLayers.OfUnit(link.Entry.Origin, isOwned(link.Entry.Origin)), link.Counts))
        select new EffectiveSetting(ConfigurationOf.Unit, name.Section, name.Key, UnitKeys.KindOf(name.Section, name.Key) != UnitKeyKind.OneValue, [.. chain]);

    /// <summary>Every setting of a BlueChi agent.</summary>
    /// <param name="subject">Which agent.</param>
    /// <param name="conf">Its files, merged.</param>
    /// <param name="layer">What kind of file a path is.</param>
    public static IEnumerable<EffectiveSetting> OfAgent(ConfigurationOf subject, AgentConf conf, Func<string, ConfigurationLayer> layer) =>
        from setting in conf.Settings.Values
        let chain = setting.Value.Overridden.Prepend(setting.Value)
            .Select((value, index) => new EffectiveAssignment(value.Value, value.Path, value.Line, layer(value.Path), Counts: index == 0))
        select new EffectiveSetting(subject, AgentConf.SectionName, setting.Key, IsList: false, [.. chain]);
}
