using Microsoft.Extensions.DependencyInjection.Extensions;
using Qm.Fleet.Controller.Api;

namespace Qm.Fleet.Controller.Reconcile;

/// <summary>Registers what brings the nodes to what is wanted.</summary>
internal static class ReconcileServices
{
    /// <summary>Without a reconciler nothing is heard of any node, and the API says so.</summary>
    public static IServiceCollection AddReconcile(this IServiceCollection services)
    {
        services.TryAddSingleton<ILiveStatus, UnheardLiveStatus>();
        return services;
    }
}
