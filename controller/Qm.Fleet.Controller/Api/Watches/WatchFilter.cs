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

    private WatchFilter(LabelSelector labels, FieldFilter fields, Func<T, V1.Metadata> metadata) => (_labels, _fields, _metadata) = (labels, fields, metadata);

    /// <summary>Whether it selects by fields, which change without a trace in the event log.</summary>
    public bool IsByFields => !_fields.IsEverything;

    /// <summary>Checks the selectors of a request.</summary>
    /// <param name="selector">Which labels.</param>
    /// <param name="fieldSelector">Which fields.</param>
    /// <param name="metadata">A resource's metadata.</param>
    /// <exception cref="Grpc.Core.RpcException">INVALID_ARGUMENT with every problem.</exception>
    public static WatchFilter<T> Read(string selector, string fieldSelector, Func<T, V1.Metadata> metadata)
    {
        var problems = new List<Problem>();
        var filter = new WatchFilter<T>(Pages.Selector(selector, problems), FieldFilter.Read(new T().Descriptor, fieldSelector, problems), metadata);
        return problems.Count == 0 ? filter : throw Failures.Invalid(problems);
    }

    /// <summary>Whether a resource is one of them.</summary>
    public bool Matches(T resource) => _labels.Matches(_metadata(resource).Labels) && _fields.Matches(resource);

    /// <summary>In one way for the same resources.</summary>
    public override string ToString() => $"{new T().Descriptor.FullName}\n{_labels}\n{_fields}";
}
