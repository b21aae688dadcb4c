using System.CommandLine;
using Qm.Fleet.Cli.Kinds;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>-l and --field-selector: which resources of a kind.</summary>
internal sealed class SelectionOptions
{
    private readonly Option<string?> _labels = new("--selector", "-l")
    {
        Description = "Only nodes or fleets with these labels, such as zone=cockpit,soc in (sa8775p,imx95)",
        HelpName = "labels",
    };

    private readonly Option<string?> _fields = new("--field-selector")
    {
        Description = "Only those with these fields, such as status.fleet=cockpit,spec.cordoned=true",
        HelpName = "fields",
    };

    internal void AddTo(Command command)
    {
        command.Add(_labels);
        command.Add(_fields);
    }

    /// <summary>Whether anything was chosen.</summary>
    internal bool IsGiven(ParseResult parsed) => parsed.GetValue(_labels) is not null || parsed.GetValue(_fields) is not null;

    /// <summary>What was chosen.</summary>
    /// <exception cref="CliException">The kind cannot be chosen among so, or one is named already.</exception>
    internal ResourceQuery QueryOf(ParseResult parsed, ResourceKind kind, string? name)
    {
        var (labels, fields) = (parsed.GetValue(_labels), parsed.GetValue(_fields));
        if (labels is not null && (name is not null || !kind.HasLabels))
        {
            throw new CliException(ExitCode.Invalid, $"--selector {labels}: chooses among nodes or fleets by label, not {(name is null ? kind.Plural : "one by name")}");
        }

        return fields is null || (name is null && kind.HasFields)
            ? new(labels ?? "", fields ?? "")
            : throw new CliException(ExitCode.Invalid, $"--field-selector {fields}: {(name is null ? $"{kind.Plural} cannot be chosen by their fields" : "chooses among several, not one by name")}");
    }
}
