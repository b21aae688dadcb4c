using System.CommandLine;

namespace Qm.Fleet.Cli.Completion;

/// <summary>A line that is not finished, as far as it is understood.</summary>
/// <param name="Command">The verb it is in.</param>
/// <param name="Options">What the verb takes, those of every verb included.</param>
/// <param name="Positions">The arguments given to the verb so far.</param>
/// <param name="Pending">The option whose value is being typed; null for none.</param>
/// <param name="Last">The word that is being typed.</param>
internal sealed record TypedLine(Command Command, IReadOnlyList<Option> Options, IReadOnlyList<string> Positions, Option? Pending, string Last)
{
    /// <summary>Reads the words after the program's name; the last is the one that is being typed.</summary>
    internal static TypedLine Read(RootCommand root, IReadOnlyList<string> words)
    {
        Command command = root;
        var (options, positions) = (root.Options.ToList(), new List<string>());
        Option? pending = null;
        foreach (var word in words.Take(words.Count - 1))
        {
            if (pending is not null)
            {
                // bash takes --output=json for three words.
                pending = word == "=" ? pending : null;
            }
            else if (word.StartsWith('-'))
            {
                var found = options.Find(option => option.Name == word || option.Aliases.Contains(word));
                pending = found is null || found.Arity.MaximumNumberOfValues == 0 || found.ValueType == typeof(bool) ? null : found;
            }
            else if (command.Subcommands.FirstOrDefault(verb => verb.Name == word) is { } verb)
            {
                command = verb;
                options = [.. options.Where(option => option.Recursive), .. verb.Options];
                positions.Clear();
            }
            else
            {
                positions.Add(word);
            }
        }

        var last = words.Count == 0 || (pending is not null && words[^1] == "=") ? "" : words[^1];
        return new(command, options, positions, pending, last);
    }
}
