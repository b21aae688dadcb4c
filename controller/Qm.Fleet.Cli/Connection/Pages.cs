namespace Qm.Fleet.Cli.Connection;

/// <summary>Reads lists that the server gives in pages.</summary>
internal static class Pages
{
    /// <summary>Asks with the token of the answer before, from an empty one, until an answer has none.</summary>
    internal static async Task<IReadOnlyList<TItem>> ReadAsync<TPage, TItem>(
        Func<string, Task<TPage>> ask, Func<TPage, IEnumerable<TItem>> items, Func<TPage, string> next)
    {
        var all = new List<TItem>();
        var token = "";
        do
        {
            var page = await ask(token);
            all.AddRange(items(page));
            token = next(page);
        }
        while (token.Length > 0);
        return all;
    }
}
