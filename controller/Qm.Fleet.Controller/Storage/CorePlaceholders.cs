#pragma warning disable IDE0130
namespace Qm.Fleet.Core.Environments { internal sealed record FleetEnvironment; }
namespace Qm.Fleet.Core.Selectors { internal sealed class LabelSelector; }
