using System.CommandLine;

namespace Qm.Fleet.Cli.Output;

/// <summary>-o and --no-headers of a verb.</summary>
internal sealed class OutputOptions
{
    private readonly Option<OutputFormat?> _output;
    private readonly OutputFormat _unlessSaid;
    private readonly Option<bool>? _noHeaders;

    private OutputOptions(string[] words, bool hasHeaders)
    {
        _unlessSaid = OutputFormat.Read(words[0], words).Format!;
        _output = new("--output", "-o")
        {
            Description = $"How to show it: {string.Join(", ", words)} [default: {words[0]}]",
            HelpName = "format",
            CustomParser = result =>
            {
                var (format, problem) = OutputFormat.Read(result.Tokens[0].Value, words);
                if (format is null)
                {
                    result.AddError(problem);
                }

                return format;
            },
        };
        _output.CompletionSources.Add(words);
        _noHeaders = hasHeaders ? new("--no-headers") { Description = "Leave out the heads of columns" } : null;
    }

    /// <summary>For a verb that shows resources.</summary>
    internal static OutputOptions OfLists() => new(OutputFormat.OfLists, hasHeaders: true);

    /// <summary>For a verb that shows one answer.</summary>
    /// <param name="more">Formats that this verb alone has.</param>
    internal static OutputOptions OfAnswers(params string[] more) => new([.. OutputFormat.OfAnswers, .. more], hasHeaders: false);

    /// <summary>For a verb whose answer is YAML unless it is asked for otherwise.</summary>
    internal static OutputOptions OfText() => new(["yaml", "json", OutputFormat.JsonPathWord], hasHeaders: false);

    internal void AddTo(Command command)
    {
        command.Add(_output);
        if (_noHeaders is not null)
        {
            command.Add(_noHeaders);
        }
    }

    internal OutputFormat FormatOf(ParseResult parsed) => parsed.GetValue(_output) ?? _unlessSaid;

    internal bool NoHeaders(ParseResult parsed) => _noHeaders is not null && parsed.GetValue(_noHeaders);
}
