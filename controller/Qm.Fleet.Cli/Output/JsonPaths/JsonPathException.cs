namespace Qm.Fleet.Cli.Output.JsonPaths;

/// <summary>A JSONPath cannot be read.</summary>
/// <param name="position">Where, in letters from 1.</param>
/// <param name="message">What is wrong there, and what was expected.</param>
internal sealed class JsonPathException(int position, string message) : Exception(message)
{
    internal int Position { get; } = position;
}
