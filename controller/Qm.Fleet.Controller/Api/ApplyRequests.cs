using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <summary>What requests to apply several resources have in common.</summary>
internal static class ApplyRequests
{
    /// <summary>Checks every item and the request as a whole.</summary>
    /// <param name="field">Name of the list in the request.</param>
    /// <param name="max">How many items a request may hold.</param>
    /// <param name="items">The items.</param>
    /// <param name="nameOf">An item's name.</param>
    /// <param name="check">Reads one item.</param>
    /// <param name="further">Looks at all that could be read, by its place, for what is wrong with it beside; null for nothing.</param>
    /// <returns>The values in the order asked.</returns>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with every problem of every item.</exception>
    public static IReadOnlyList<TValue> Check<TItem, TValue>(
        string field, int max, IReadOnlyList<TItem> items, Func<TItem, string> nameOf, Func<TItem, Parsed<TValue>> check,
        Func<IReadOnlyList<(int Index, TValue Draft)>, IEnumerable<Problem>>? further = null)
        where TValue : class
    {
        if (items.Count == 0 || items.Count > max)
        {
            throw Failures.Invalid(field, $"{items.Count} items; a request holds 1 to {max}");
        }
        return Check(index => $"{field}[{index}]", items, nameOf, check, further);
    }

    /// <summary>Checks the one item of a request.</summary>
    /// <param name="field">Its name in the request.</param>
    /// <param name="item">The item; null when it is missing.</param>
    /// <param name="nameOf">Its name.</param>
    /// <param name="check">Reads it.</param>
    /// <param name="further">Looks for what is wrong with it beside; null for nothing.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with every problem of it.</exception>
    public static TValue CheckOne<TItem, TValue>(
        string field, TItem? item, Func<TItem, string> nameOf, Func<TItem, Parsed<TValue>> check, Func<IReadOnlyList<(int Index, TValue Draft)>, IEnumerable<Problem>>? further = null)
        where TItem : class
        where TValue : class =>
        item is null ? throw Failures.Invalid(field, "it is missing") : Check(_ => field, [item], nameOf, check, further)[0];

    private static List<TValue> Check<TItem, TValue>(
        Func<int, string> pathOf, IReadOnlyList<TItem> items, Func<TItem, string> nameOf, Func<TItem, Parsed<TValue>> check,
        Func<IReadOnlyList<(int Index, TValue Draft)>, IEnumerable<Problem>>? further)
        where TValue : class
    {
        var problems = new List<Problem>();
        var values = new List<TValue>(items.Count);
        var drafts = new List<(int, TValue)>(items.Count);
        var firstOfName = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var index = 0; index < items.Count; index++)
        {
            var parsed = check(items[index]);
            problems.AddRange(parsed.Problems.Select(problem => problem with { Path = $"{pathOf(index)}.{problem.Path}" }));
            if (parsed.Draft is { } draft)
            {
                drafts.Add((index, draft));
            }
            if (parsed.IsValid(out var value))
            {
                values.Add(value);
            }
            var name = nameOf(items[index]);
            if (name.Length > 0 && !firstOfName.TryAdd(name, index))
            {
                problems.Add(new Problem($"{pathOf(index)}.metadata.name", $"\"{name}\" is {pathOf(firstOfName[name])} already"));
            }
        }
        problems.AddRange(further?.Invoke(drafts) ?? []);
        return problems.Count == 0 ? values : throw Failures.Invalid(problems);
    }
}
