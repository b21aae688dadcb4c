namespace Qm.Fleet.Core.Environments;

/// <summary>Collects what is wrong under a path.</summary>
internal sealed class ProblemList
{
    private readonly List<Problem> _problems = [];

    internal IReadOnlyList<Problem> Found => _problems;

    internal void Add(string path, string message, string? rule = null) => _problems.Add(new(path, message, rule));

    /// <summary>Reads a text; what is wrong with it is noted, and the value is the one for an absent text then.</summary>
    /// <param name="path">Where it stands.</param>
    /// <param name="text">The text; empty when it is absent.</param>
    /// <param name="absent">The value of an absent text.</param>
    /// <param name="reader">Reads it.</param>
    internal T Read<T>(string path, string text, T absent, TextReader<T> reader)
    {
        if (text.Length == 0)
        {
            return absent;
        }

        var isRead = reader(text, out var value, out var problem);
        Check(path, problem);
        return isRead ? value : absent;
    }

    /// <summary>Notes a problem, if there is one.</summary>
    internal void Check(string path, string? problem, string? rule = null)
    {
        if (problem is not null)
        {
            Add(path, problem, rule);
        }
    }
}

/// <summary>Reads a text, or says what is wrong with it.</summary>
internal delegate bool TextReader<T>(string text, out T value, out string? problem);
