using System.Globalization;
using System.Text;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api;

/// <summary>Pages and selectors of lists. A page token holds the last name, so that it stays valid while things come and go.</summary>
internal static class Paging
{
    private const int DefaultSize = 500;
    private const int MaxSize = 1000;

    internal static int Size(int asked) => asked switch
    {
        0 => DefaultSize,
        >= 1 and <= MaxSize => asked,
        _ => throw Errors.Invalid("page_size", $"{asked} is not between 1 and {MaxSize}"),
    };

    internal static string Token(string last) => Convert.ToBase64String(Encoding.UTF8.GetBytes(last));

    internal static string Read(string token)
    {
        Span<byte> bytes = stackalloc byte[512];
        return Convert.TryFromBase64String(token, bytes, out var length)
            ? Encoding.UTF8.GetString(bytes[..length])
            : throw Errors.Invalid("page_token", "is not one that a list has given");
    }

    internal static LabelSelector Selector(string text) => LabelSelector.TryParse(text, out var selector, out var problems)
        ? selector
        : throw Errors.Invalid([.. problems.Select(problem => ("selector", new Core.Environments.Problem("", problem)))]);

    /// <summary>Takes a page of matching rows, reading on past those that do not match.</summary>
    internal static (List<T> Items, string NextToken) Take<T>(
        Func<string, int, IReadOnlyList<T>> list, Func<T, string> nameOf, Func<T, bool> matches, int pageSize, string pageToken)
    {
        var (size, after) = (Size(pageSize), Read(pageToken));
        var items = new List<T>();
        while (true)
        {
            var rows = list(after, size + 1);
            foreach (var row in rows)
            {
                if (matches(row) && items.Count == size)
                {
                    return (items, Token(after));
                }

                after = nameOf(row);
                if (matches(row))
                {
                    items.Add(row);
                }
            }

            if (rows.Count <= size)
            {
                return (items, "");
            }
        }
    }

    internal static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
