using Google.Protobuf;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Selectors;

namespace Qm.Fleet.Controller.Api.Watches;

/// <summary>Which resources a watch is about.</summary>
internal sealed class WatchFilter<T>
    where T : class, IMessage<T>, new()
{
    private readonly LabelSelector _labels;
    private readonly FieldFilter _fields;
    private readonly Func<T, V1.Metadata> _metadata;
    private readonly Func<T, bool> _sees;
    private readonly Func<bool> _seesAll;

    private WatchFilter(LabelSelector labels, FieldFilter fields, Func<T, V1.Metadata> metadata, Func<T, bool> sees, Func<bool> seesAll) =>
        (_labels, _fields, _metadata, _sees, _seesAll) = (labels, fields, metadata, sees, seesAll);

    /// <summary>Whether it selects by fields, which change without a trace in the event log.</summary>
    public bool IsByFields => !_fields.IsEverything;

    /// <summary>Whether there are resources that the watch may not tell of, not even that they are there.</summary>
    public bool IsWithinScope => !_seesAll();

    /// <summary>Checks the selectors of a request of somebody who sees everything.</summary>
    /// <inheritdoc cref="Read(string, string, Func{T, V1.Metadata}, Func{T, bool}, Func{bool})"/>
    public static WatchFilter<T> Read(string selector, string fieldSelector, Func<T, V1.Metadata> metadata) => Read(selector, fieldSelector, metadata, static _ => true, static () => true);

    /// <summary>Checks the selectors of a request.</summary>
    /// <param name="selector">Which labels.</param>
    /// <param name="fieldSelector">Which fields.</param>
    /// <param name="metadata">A resource's metadata.</param>
    /// <param name="sees">Whether the caller may see a resource as it is.</param>
    /// <param name="seesAll">Whether the caller sees every one.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with every problem.</exception>
    public static WatchFilter<T> Read(string selector, string fieldSelector, Func<T, V1.Metadata> metadata, Func<T, bool> sees, Func<bool> seesAll)
    {
        var problems = new List<Problem>();
        var filter = new WatchFilter<T>(Pages.Selector(selector, problems), FieldFilter.Read(new T().Descriptor, fieldSelector, problems), metadata, sees, seesAll);
        return problems.Count == 0 ? filter : throw Failures.Invalid(problems);
    }

    /// <summary>Whether a resource is one of them.</summary>
    public bool Matches(T resource) => _labels.Matches(_metadata(resource).Labels) && _fields.Matches(resource) && _sees(resource);

    /// <summary>In one way for the same resources.</summary>
    public override string ToString() => $"{new T().Descriptor.FullName}\n{_labels}\n{_fields}";
}
