using Google.Api;
using Google.Protobuf.Reflection;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Qm.Fleet.Controller.Rest;

/// <summary>What the API is made of, as its descriptors say.</summary>
internal static class ApiServices
{
    /// <summary>The services for people and automation, in the order in which documentation shows them.</summary>
    public static IReadOnlyList<ServiceDescriptor> All { get; } =
    [
        V1.FleetService.Descriptor, V1.NodeService.Descriptor, V1.RevisionService.Descriptor, V1.RolloutService.Descriptor, V1.OperationService.Descriptor,
        V1.EventService.Descriptor, V1.DiagnosticsService.Descriptor, V1.ArtifactService.Descriptor, V1.SiteService.Descriptor, V1.ServerService.Descriptor, V1.AccessService.Descriptor,
        V1.AuditService.Descriptor, V1.EnrollmentService.Descriptor, V1.PkiService.Descriptor, V1.HostUnitService.Descriptor,
    ];

    /// <summary>Every route of a method; none for one that REST does not have.</summary>
    public static IEnumerable<RestRoute> Routes(MethodDescriptor method)
    {
        if (method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is not { } rule)
        {
            yield break;
        }
        yield return new RestRoute(method, rule);
        foreach (var further in rule.AdditionalBindings)
        {
            yield return new RestRoute(method, further);
        }
    }
}
