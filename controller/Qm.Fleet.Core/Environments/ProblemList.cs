namespace Qm.Fleet.Core.Environments;

/// <summary>Collects what is wrong under a path.</summary>
internal sealed class ProblemList
{
    private readonly List<Problem> _problems = [];

    internal IReadOnlyList<Problem> Found => _problems;

    internal void Add(string path, string message, string? rule = null) => _problems.Add(new(path, message, rule));

    /// <summary>Notes a problem, if there is one.</summary>
    internal void Check(string path, string? problem, string? rule = null)
    {
        if (problem is not null)
        {
            Add(path, problem, rule);
        }
    }
}
