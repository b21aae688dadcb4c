using System.CommandLine;
using System.CommandLine.Completions;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Completion;

/// <summary>What may stand where a person presses Tab.</summary>
/// <param name="root">Every verb.</param>
/// <param name="global">Which of their arguments take live names.</param>
/// <param name="context">The environment and the time.</param>
internal sealed class Completer(RootCommand root, GlobalOptions global, CliContext context)
{
    /// <summary>How long the server is waited for, such as 300ms; for slow links.</summary>
    internal const string PatienceVariable = "QMFLEET_COMPLETION_TIMEOUT";

    // A person waits for it with a finger on the key.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>The words that fit; none where nothing is known or the server does not answer at once.</summary>
    /// <param name="words">The words after qmfleet up to the cursor; the last one is being typed, and may be empty.</param>
    /// <param name="ct">Ends it.</param>
    internal async Task<IReadOnlyList<string>> CompleteAsync(IReadOnlyList<string> words, CancellationToken ct)
    {
        var line = TypedLine.Read(root, words);
        var candidates = line.Pending is { } option ? await OfAsync(option, line, words, ct) : line.Last.StartsWith('-') ? Options(line) : await WordsAsync(line, words, ct);
        return [.. candidates.Where(word => word.StartsWith(line.Last, StringComparison.Ordinal)).Distinct().Order(StringComparer.Ordinal)];
    }

    private static IEnumerable<string> Options(TypedLine line) => line.Options.Where(option => !option.Hidden).Select(option => option.Name);

    private async Task<IEnumerable<string>> WordsAsync(TypedLine line, IReadOnlyList<string> words, CancellationToken ct)
    {
        var arguments = line.Command.Arguments;
        var argument = line.Positions.Count < arguments.Count ? arguments[line.Positions.Count]
            : arguments.Count > 0 && arguments[^1].Arity.MaximumNumberOfValues > 1 ? arguments[^1] : null;
        var verbs = line.Command.Subcommands.Where(verb => !verb.Hidden).Select(verb => verb.Name);
        return argument is null ? verbs : verbs.Concat(await OfAsync(argument, line, words, ct));
    }

    private async Task<IEnumerable<string>> OfAsync(Symbol symbol, TypedLine line, IReadOnlyList<string> words, CancellationToken ct)
    {
        if (global.Names[symbol] is not { } name)
        {
            return symbol.GetCompletions(CompletionContext.Empty).Select(item => item.Label);
        }

        var given = context.Environment(PatienceVariable) is { } text && Durations.TryParse(text, out var span) ? span : Patience;
        using var patience = new CancellationTokenSource(given, context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            // Which server is meant may stand on the line, too.
            var parsed = root.Parse([.. words.Take(words.Count - 1)]);
            return await new NameSource(() => global.Connect(parsed, context), context).ReadAsync(name, line, either.Token);
        }
        catch (Exception e) when (e is CliException or RpcException or OperationCanceledException or InvalidOperationException)
        {
            // Somebody who types a line is not told of a server that is away: the line itself will be.
            return [];
        }
    }
}
