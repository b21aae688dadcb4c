using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Qm.Fleet.Cli.Manual;

/// <summary>--help that tells of the verbs below one in a sentence each, and all of it only of the one that was asked for.</summary>
/// <param name="whole">What shows help otherwise.</param>
internal sealed class ShortHelp(HelpAction whole) : SynchronousCommandLineAction
{
    internal static void AddTo(RootCommand root)
    {
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new ShortHelp((HelpAction)help.Action!);
    }

    /// <summary>Help is for those who do not know yet what is missing.</summary>
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        foreach (var verb in parseResult.CommandResult.Command.Subcommands)
        {
            verb.Description = ManualPages.Summary(verb);
        }

        return whole.Invoke(parseResult);
    }
}
