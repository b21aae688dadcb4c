using Google.Protobuf.WellKnownTypes;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>Which resources of a kind.</summary>
/// <param name="Labels">A label selector in the Kubernetes grammar; empty for all.</param>
/// <param name="Fields">A field selector in the Kubernetes grammar; empty for all.</param>
internal readonly record struct ResourceQuery(string Labels, string Fields)
{
    internal static readonly ResourceQuery Everything = new("", "");

    /// <summary>Whether only their names are wanted.</summary>
    internal bool IsForNames { get; init; }

    /// <summary>The fields that are wanted; null for all.</summary>
    internal FieldMask? Mask => IsForNames ? FieldMask.FromString("metadata.name") : null;
}
