using System.Collections.Immutable;
using Google.Protobuf;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api.Lists;

/// <summary>A List that was checked: which resources of a kind, from where, in which order, how many, and what of each.</summary>
/// <remarks>Nothing but the page, and what is next to it, is held in memory, however many resources there are.</remarks>
internal sealed class ListQuery<T>
    where T : class, IMessage<T>, new()
{
    private static readonly ImmutableArray<bool> ByNameOnly = [true];

    private readonly LabelSelector _selector;
    private readonly FieldFilter _filter;
    private readonly Func<T, bool> _sees;
    private readonly ListOrder _order;
    private readonly ReadMask _mask;
    private readonly string _question;

    private ListQuery(LabelSelector selector, FieldFilter filter, Func<T, bool> sees, ListOrder order, ReadMask mask, string question, int size, ImmutableArray<SortValue>? after) =>
        (_selector, _filter, _sees, _order, _mask, _question, Size, After) = (selector, filter, sees, order, mask, question, size, after);

    /// <summary>How many a page holds.</summary>
    public int Size { get; }

    /// <summary>Where the page before ended; null for the first page.</summary>
    public ImmutableArray<SortValue>? After { get; }

    /// <summary>Checks a request for a list of named resources.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="sees">Whether the caller may see one; the list is as if there were no others. Null for all.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with every problem of the request.</exception>
    public static ListQuery<T> Read(ListRequest request, Func<T, bool>? sees = null) => Read(request, ByNameOnly, sees);

    /// <summary>Checks a request for a list that has an order of its own.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="shape">Which parts a place in the order has, each true for a text.</param>
    /// <param name="sees">Whether the caller may see one; the list is as if there were no others. Null for all.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with every problem of the request.</exception>
    public static ListQuery<T> Read(ListRequest request, ImmutableArray<bool> shape, Func<T, bool>? sees = null)
    {
        var type = new T().Descriptor;
        var problems = request.Problems.ToList();
        var size = Pages.Size(request.PageSize, problems);
        var selector = Pages.Selector(request.Selector, problems);
        var filter = FieldFilter.Read(type, request.FieldSelector, problems);
        var order = ListOrder.Read(type, request.OrderBy, problems);
        var mask = ReadMask.Read(type, request.ReadMask, problems);
        var question = string.Join('\n', type.FullName, request.Scope, selector, filter, order);
        ImmutableArray<SortValue>? after = null;
        if (request.PageToken.Length > 0 && problems.Count == 0)
        {
            after = PageToken.Read(question, request.PageToken, order.IsByName ? shape : order.Shape);
            if (after is null)
            {
                problems.Add(new("page_token", "it is not the next_page_token of an answer to the same selectors and order"));
            }
        }

        return problems.Count == 0 ? new(selector, filter, sees ?? (static _ => true), order, mask, question, size, after) : throw Failures.Invalid(problems);
    }

    /// <summary>The page of resources that lie by name.</summary>
    /// <param name="read">Reads at most so many whose names come after another, by name.</param>
    /// <param name="nameOf">A resource's name.</param>
    /// <param name="labelsOf">Its labels.</param>
    /// <param name="toWire">What is shown of it.</param>
    public ListPage<T> ByName<TItem>(
        Func<string, int, IReadOnlyList<TItem>> read, Func<TItem, string> nameOf, Func<TItem, IReadOnlyDictionary<string, string>> labelsOf, Func<TItem, T> toWire)
    {
        var begin = _order.IsByName && After is [{ Text: { } name }] ? name : "";
        var found = Pages.All(begin, read, nameOf, _order.IsByName ? Size + 1 : int.MaxValue).Where(item => _selector.Matches(labelsOf(item)));
        return _order.IsByName ? InOrder(found, toWire, item => [nameOf(item)]) : Sorted(found, toWire, nameOf);
    }

    /// <summary>The page of resources that come in the list's own order, from <see cref="After"/> on.</summary>
    /// <param name="rest">What comes after it, in order; read only as far as it takes.</param>
    /// <param name="toWire">What is shown of one.</param>
    /// <param name="positionOf">Where one stands.</param>
    /// <param name="most">How many are looked at; the page is shorter, and has a token, when there are more.</param>
    public ListPage<T> InOrder<TItem>(IEnumerable<TItem> rest, Func<TItem, T> toWire, Func<TItem, ImmutableArray<SortValue>> positionOf, int most = int.MaxValue)
    {
        var items = new List<T>();
        var (looked, last) = (0, ImmutableArray<SortValue>.Empty);
        foreach (var item in rest)
        {
            if (looked++ == most)
            {
                return new(items, PageToken.Write(_question, last));
            }

            var wire = toWire(item);
            if (Shows(wire))
            {
                if (items.Count == Size)
                {
                    return new(items, PageToken.Write(_question, last));
                }

                items.Add(_mask.Apply(wire));
                last = positionOf(item);
            }
            else if (most < int.MaxValue)
            {
                last = positionOf(item);
            }
        }

        return new(items, "");
    }

    private bool Shows(T wire) => _filter.Matches(wire) && _sees(wire);

    // Only the first ones after the place are kept while all go by; one more than the page tells whether there is a rest.
    private ListPage<T> Sorted<TItem>(IEnumerable<TItem> found, Func<TItem, T> toWire, Func<TItem, string> nameOf)
    {
        var first = new PriorityQueue<T, ImmutableArray<SortValue>>(Comparer<ImmutableArray<SortValue>>.Create((x, y) => _order.Compare(y, x)));
        foreach (var item in found)
        {
            var wire = toWire(item);
            if (!Shows(wire))
            {
                continue;
            }

            var position = _order.PositionOf(wire, nameOf(item));
            if (After is null || _order.Compare(position, After.Value) > 0)
            {
                first.Enqueue(wire, position);
                if (first.Count > Size + 1)
                {
                    first.Dequeue();
                }
            }
        }

        var isRest = first.Count > Size;
        var page = first.UnorderedItems.OrderBy(static item => item.Priority, _order).Take(Size).ToList();
        return new([.. page.Select(item => _mask.Apply(item.Element))], isRest ? PageToken.Write(_question, page[^1].Priority) : "");
    }
}
