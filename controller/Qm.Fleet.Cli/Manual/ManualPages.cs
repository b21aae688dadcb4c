using System.CommandLine;
using System.Text;
using Qm.Fleet.Cli.Completion;

namespace Qm.Fleet.Cli.Manual;

/// <summary>The manual, made of the verbs themselves: a page for qmfleet, and one for each verb with what is below it.</summary>
internal static class ManualPages
{
    private const string ExamplesHead = "Examples:";

    /// <summary>Every page by its file's name.</summary>
    internal static IReadOnlyDictionary<string, string> Make(RootCommand root)
    {
        var pages = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["qmfleet.1"] = First(root) };
        foreach (var verb in Visible(root))
        {
            pages[$"qmfleet-{verb.Name}.1"] = Page(root, verb);
        }

        return pages;
    }

    /// <summary>The first sentence of a verb up to its colon, without its full stop.</summary>
    internal static string Summary(Command command)
    {
        var text = Split(command).Text.ReplaceLineEndings(" ");
        int[] ends = [text.IndexOf(". ", StringComparison.Ordinal), text.IndexOf(": ", StringComparison.Ordinal), text.EndsWith('.') ? text.Length - 1 : text.Length];
        return text[..ends.Where(static end => end >= 0).Min()];
    }

    /// <summary>What a description says, and its examples.</summary>
    internal static (string Text, IReadOnlyList<string> Examples) Split(Command command)
    {
        var description = command.Description ?? "";
        var at = description.IndexOf(ExamplesHead, StringComparison.Ordinal);
        return at < 0 ? (description.Trim(), []) : (description[..at].Trim(),
            [.. description[(at + ExamplesHead.Length)..].Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)]);
    }

    private static string First(RootCommand root)
    {
        var page = new StringBuilder(Head("qmfleet", "deploys and supervises QM on a fleet of ECUs"));
        page.Append(".SH SYNOPSIS\n.B qmfleet\n.I VERB\n.RI [ OPTIONS ]\n.SH VERBS\n");
        foreach (var verb in Visible(root))
        {
            page.Append(".TP\n.BR ").Append(Escape($"qmfleet-{verb.Name}")).Append(" (1)\n").Append(Escape(Summary(verb))).Append('\n');
        }

        page.Append(".SH OPTIONS OF EVERY VERB\n");
        AppendOptions(page, root);
        page.Append(".SH ENVIRONMENT\n");
        foreach (var (name, text) in new[]
        {
            ("QMFLEET_SERVER", "The server, unless --server or --context says another."),
            ("QMFLEET_PKI", "The directory of your certificate, unless --pki or a context says another."),
            ("QMFLEET_TOKEN", "Your bearer token for https, unless --token or a context says another; with it, QMFLEET_PKI needs ca.crt alone."),
            ("QMFLEET_CONFIG", "The file of contexts; ~/.config/qmfleet/config.yaml if not said."),
            (Completer.PatienceVariable, "How long a shell's completion waits for the server, such as 300ms; 1s if not said."),
            ("VISUAL, EDITOR", "Your editor, for qmfleet edit."),
            ("NO_COLOR", "No colours, if it is set to anything."),
        })
        {
            page.Append(".TP\n.B ").Append(name).Append('\n').Append(Escape(text)).Append('\n');
        }

        return page.Append(ExitStatus).ToString();
    }

    private static string Page(RootCommand root, Command verb)
    {
        var page = new StringBuilder(Head($"qmfleet-{verb.Name}", Summary(verb)));
        page.Append(".SH SYNOPSIS\n");
        foreach (var (path, command) in Leaves(verb, $"qmfleet {verb.Name}"))
        {
            page.Append(".B ").Append(Escape(path)).Append('\n');
            foreach (var argument in command.Arguments)
            {
                var name = argument.Name.ToUpperInvariant() + (argument.Arity.MaximumNumberOfValues > 1 ? "..." : "");
                page.Append(argument.Arity.MinimumNumberOfValues == 0 ? ".RI [ " : ".I ").Append(Escape(name).Replace(" ", "\\ ", StringComparison.Ordinal))
                    .Append(argument.Arity.MinimumNumberOfValues == 0 ? " ]\n" : "\n");
            }

            page.Append(".RI [ OPTIONS ]\n.br\n");
        }

        AppendSections(page, verb, $"qmfleet {verb.Name}", isTop: true);
        page.Append(".SH OPTIONS OF EVERY VERB\n");
        AppendOptions(page, root);
        return page.Append(ExitStatus).Append(".SH SEE ALSO\n.BR qmfleet (1)\n").ToString();
    }

    private static void AppendSections(StringBuilder page, Command command, string path, bool isTop)
    {
        var (text, examples) = Split(command);
        page.Append(isTop ? ".SH DESCRIPTION\n" : $".SH {Escape(path.ToUpperInvariant())}\n").Append(Paragraphs(text));
        if (command.Arguments.Any(argument => !argument.Hidden))
        {
            foreach (var argument in command.Arguments.Where(argument => !argument.Hidden))
            {
                page.Append(".TP\n.I ").Append(Escape(argument.Name.ToUpperInvariant())).Append('\n').Append(Escape(argument.Description ?? "")).Append('\n');
            }
        }

        AppendOptions(page, command);
        if (examples.Count > 0)
        {
            page.Append(".PP\nExamples:\n.PP\n.nf\n.RS\n").AppendJoin('\n', examples.Select(Escape)).Append("\n.RE\n.fi\n");
        }

        foreach (var below in Visible(command))
        {
            AppendSections(page, below, $"{path} {below.Name}", isTop: false);
        }
    }

    private static void AppendOptions(StringBuilder page, Command command)
    {
        foreach (var option in command.Options.Where(option => !option.Hidden && option is not System.CommandLine.Help.HelpOption and not VersionOption))
        {
            var names = string.Join(", ", option.Aliases.Append(option.Name).OrderBy(name => name.Length));
            var value = option.ValueType == typeof(bool) ? "" : $" {option.HelpName ?? option.Name.TrimStart('-')}";
            page.Append(".TP\n.B ").Append(Escape(names + value)).Append('\n').Append(Escape(option.Description ?? "")).Append('\n');
        }
    }

    private static IEnumerable<(string Path, Command Command)> Leaves(Command command, string path) => Visible(command).Any()
        ? Visible(command).SelectMany(below => Leaves(below, $"{path} {string.Concat(command.Arguments.Select(argument => argument.Name.ToUpperInvariant() + " "))}{below.Name}"))
        : [(path, command)];

    private static IEnumerable<Command> Visible(Command command) => command.Subcommands.Where(verb => !verb.Hidden);

    private static string Head(string name, string summary) =>
        $".\\\" Made of the verbs by: qmfleet man. Do not edit.\n.TH {Escape(name.ToUpperInvariant())} 1 \"\" \"QM Fleet\"\n.SH NAME\n{Escape(name)} \\- {Escape(char.ToLowerInvariant(summary[0]) + summary[1..])}\n";

    private static string Paragraphs(string text) => string.Join(".PP\n", text.Split("\n\n").Select(paragraph => Escape(paragraph) + "\n"));

    private static string ExitStatus => $".SH EXIT STATUS\n{Escape(ExitCode.Help["Exit codes: ".Length..])}\n";

    // A line that begins with a dot or a quote would be a request of troff.
    private static string Escape(string text) => string.Join('\n', text.Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal).Split('\n')
        .Select(line => line.StartsWith('.') || line.StartsWith('\'') ? "\\&" + line : line));
}
