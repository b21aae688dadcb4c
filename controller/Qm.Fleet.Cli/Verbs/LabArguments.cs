using System.CommandLine;
using System.CommandLine.Parsing;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>Arguments and options of faults; each tells its own problem, so that all of a line are told at once.</summary>
internal static class LabArguments
{
    /// <summary>A duration that must be there.</summary>
    internal static Argument<TimeSpan> Duration(string name, string description) => new(name) { Description = description, CustomParser = Parse };

    /// <summary>A duration that may be there.</summary>
    internal static Option<TimeSpan?> OptionalDuration(string name, string description) =>
        new(name) { Description = description, HelpName = "time", CustomParser = result => Parse(result) };

    /// <summary>A number, or what stands for it when it is not there.</summary>
    internal static Argument<int> Count(string name, string description, int unlessGiven, int most) =>
        new(name) { Description = description, Arity = ArgumentArity.ZeroOrOne, DefaultValueFactory = _ => unlessGiven, CustomParser = result => ParseCount(result, most) };

    /// <summary>A number, or what stands for it when it is not there.</summary>
    internal static Option<int> OptionalCount(string name, string description, int unlessGiven, int most) =>
        new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => unlessGiven, CustomParser = result => ParseCount(result, most) };

    private static TimeSpan Parse(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (!Durations.TryParse(text, out var span))
        {
            result.AddError($"{Name(result)} {text}: expected a number with ms, s, m or h, such as 300ms, at most 24h");
        }

        return span;
    }

    private static int ParseCount(ArgumentResult result, int most)
    {
        var text = result.Tokens[0].Value;
        if (!int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var count) || count < 1 || count > most)
        {
            result.AddError(FormattableString.Invariant($"{Name(result)} {text}: expected a number from 1 to {most}"));
        }

        return count;
    }

    private static string Name(ArgumentResult result) => result.Parent is OptionResult option ? option.Option.Name : result.Argument.Name;
}
