using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api.Lists;

/// <summary>What a List asks for, whatever it lists; what its RPC does not offer is empty.</summary>
/// <param name="PageSize">As asked, 0 for the usual.</param>
/// <param name="PageToken">As asked, empty for the first page.</param>
internal sealed record ListRequest(int PageSize, string PageToken)
{
    /// <summary>Which labels.</summary>
    public string Selector { get; init; } = "";

    /// <summary>Which fields.</summary>
    public string FieldSelector { get; init; } = "";

    /// <summary>How it is sorted.</summary>
    public string OrderBy { get; init; } = "";

    /// <summary>What is answered of each.</summary>
    public FieldMask? ReadMask { get; init; }

    /// <summary>What else decides which there are, such as a fleet's name: a page token is good for the same only.</summary>
    public string Scope { get; init; } = "";

    /// <summary>What is wrong with the rest of the request.</summary>
    public IReadOnlyList<Problem> Problems { get; init; } = [];
}

/// <summary>One page of a list.</summary>
/// <param name="Items">What is on it.</param>
/// <param name="Next">The token of the rest; empty when there is none.</param>
internal sealed record ListPage<T>(IReadOnlyList<T> Items, string Next);
