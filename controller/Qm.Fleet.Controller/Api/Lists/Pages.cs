using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api.Lists;

/// <summary>What lists and watches read of a request, and the reading of long tables in batches.</summary>
internal static class Pages
{
    private const int DefaultSize = 500;
    private const int MaxSize = 1000;
    private const int MinBatch = 100;

    /// <summary>How many a page holds; it does not count when there are problems.</summary>
    public static int Size(int asked, ICollection<Problem> problems)
    {
        if (asked is < 0 or > MaxSize)
        {
            problems.Add(new("page_size", $"{asked} is not within 1 and {MaxSize}; 0 means {DefaultSize}"));
        }

        return asked == 0 ? DefaultSize : asked;
    }

    /// <summary>The label selector of a request, empty for everything; it does not count when there are problems.</summary>
    public static LabelSelector Selector(string text, ICollection<Problem> problems)
    {
        if (text.Length > FieldSelector.MaxLength)
        {
            problems.Add(new("selector", $"it has {text.Length} characters; at most {FieldSelector.MaxLength} are read"));
        }
        else if (LabelSelector.TryParse(text, out var selector, out var wrong))
        {
            return selector;
        }
        else
        {
            foreach (var problem in wrong)
            {
                problems.Add(new("selector", problem));
            }
        }

        return new([]);
    }

    /// <summary>All items after a place, such as a name, read in batches, so that a filter never holds the whole list in memory.</summary>
    /// <param name="after">The place.</param>
    /// <param name="read">Reads at most so many items after a place.</param>
    /// <param name="placeOf">An item's place.</param>
    /// <param name="expected">How many will be taken if none is left out; batches are of about that size.</param>
    public static IEnumerable<T> All<T, TPlace>(TPlace after, Func<TPlace, int, IReadOnlyList<T>> read, Func<T, TPlace> placeOf, int expected = MaxSize)
    {
        var size = Math.Clamp(expected, MinBatch, MaxSize);
        while (true)
        {
            var batch = read(after, size);
            foreach (var item in batch)
            {
                yield return item;
            }
            if (batch.Count < size)
            {
                yield break;
            }
            after = placeOf(batch[^1]);
        }
    }
}
