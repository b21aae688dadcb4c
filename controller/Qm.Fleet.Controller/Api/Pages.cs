using System.Buffers.Text;
using System.Text;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api;

/// <summary>Reading of long lists in pages.</summary>
internal static class Pages
{
    private const int DefaultSize = 500;
    private const int MaxSize = 1000;

    /// <summary>How many a page holds.</summary>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT when the asked size is out of bounds.</exception>
    public static int Size(int asked) => asked switch
    {
        0 => DefaultSize,
        >= 1 and <= MaxSize => asked,
        _ => throw Failures.Invalid("page_size", $"{asked} is not within 1 and {MaxSize}; 0 means {DefaultSize}"),
    };

    /// <summary>The selector of a request; empty matches everything.</summary>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT when it does not read.</exception>
    public static LabelSelector Selector(string text) => LabelSelector.TryParse(text, out var selector, out var problems)
        ? selector
        : throw Failures.Invalid([.. problems.Select(static problem => new Core.Environments.Problem("selector", problem))]);

    /// <summary>A token that stands for the last item of a page.</summary>
    public static string Token(string last) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(last));

    /// <summary>The last item of the page before; empty for the first page.</summary>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT when it is no token.</exception>
    public static string Last(string token) => Base64Url.IsValid(token)
        ? Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token))
        : throw Failures.Invalid("page_token", "it is not the next_page_token of an answer");

    /// <summary>All items after a name, read in batches, so that a filter never holds the whole list in memory.</summary>
    /// <param name="after">The name.</param>
    /// <param name="read">Reads at most so many items after a name.</param>
    /// <param name="nameOf">An item's name.</param>
    public static IEnumerable<T> All<T>(string after, Func<string, int, IReadOnlyList<T>> read, Func<T, string> nameOf)
    {
        while (true)
        {
            var batch = read(after, MaxSize);
            foreach (var item in batch)
            {
                yield return item;
            }
            if (batch.Count < MaxSize)
            {
                yield break;
            }
            after = nameOf(batch[^1]);
        }
    }

    /// <summary>The first items, and the token of the rest; the token is empty when there is no rest.</summary>
    public static (IReadOnlyList<T> Items, string NextToken) Cut<T>(IEnumerable<T> items, int size, Func<T, string> positionOf)
    {
        var taken = items.Take(size + 1).ToList();
        if (taken.Count <= size)
        {
            return (taken, "");
        }
        taken.RemoveAt(size);
        return (taken, Token(positionOf(taken[^1])));
    }
}
