using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api.Lists;

/// <summary>An order that was held against the fields there are; what is equal in all of them comes by name.</summary>
internal sealed class ListOrder : IComparer<ImmutableArray<SortValue>>
{
    private readonly ImmutableArray<Term> _terms;

    private ListOrder(ImmutableArray<Term> terms) => _terms = terms;

    /// <summary>Whether nothing but the name decides.</summary>
    public bool IsByName => _terms.IsEmpty;

    /// <summary>Which parts a position has, each true for a text: the fields, then the name.</summary>
    public ImmutableArray<bool> Shape => [.. _terms.Select(static term => term.Way[^1].FieldType == FieldType.String), true];

    /// <summary>Reads the order of a request.</summary>
    /// <param name="type">What is sorted.</param>
    /// <param name="text">The order.</param>
    /// <param name="problems">Gets everything that is wrong, under <c>order_by</c>.</param>
    /// <returns>What was read; it does not count when there are problems.</returns>
    public static ListOrder Read(MessageDescriptor type, string text, ICollection<Problem> problems)
    {
        var terms = ImmutableArray.CreateBuilder<Term>();
        if (!FieldOrder.TryParse(text, out var order, out var wrong))
        {
            foreach (var problem in wrong)
            {
                problems.Add(new("order_by", problem));
            }
        }

        foreach (var term in order?.Terms ?? [])
        {
            var way = MessageFields.Follow(type, term.Path, SortValue.IsSortable, "sorted by", out var problem);
            if (problem is null)
            {
                terms.Add(new(way, term.IsDescending));
            }
            else
            {
                problems.Add(new("order_by", problem));
            }
        }

        return new(terms.DrainToImmutable());
    }

    /// <summary>Where a resource stands.</summary>
    public ImmutableArray<SortValue> PositionOf(IMessage message, string name) =>
        [.. _terms.Select(term => SortValue.Of(term.Way[^1], MessageFields.Read(message, term.Way))), name];

    /// <inheritdoc/>
    public int Compare(ImmutableArray<SortValue> x, ImmutableArray<SortValue> y)
    {
        for (var at = 0; at < x.Length; at++)
        {
            if (x[at].CompareTo(y[at]) is not 0 and var compared)
            {
                return at < _terms.Length && _terms[at].IsDescending ? -compared : compared;
            }
        }

        return 0;
    }

    /// <summary>In one way for the same order.</summary>
    public override string ToString() =>
        string.Join(',', _terms.Select(static term => string.Join('.', term.Way.Select(static field => field.Name)) + (term.IsDescending ? " desc" : "")));

    private sealed record Term(ImmutableArray<FieldDescriptor> Way, bool IsDescending);
}
