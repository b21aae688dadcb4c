using System.Collections.Frozen;
using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Nodes;

namespace Qm.Fleet.Lab.BlueChi;

/// <summary>Takes calls to objects of <c>org.eclipse.bluechi</c> in and finds who answers them.</summary>
internal sealed class Methods
{
    private readonly EmulatedBlueChi _blueChi;
    private readonly NodeMethods _nodes;
    private readonly FrozenDictionary<(string Interface, string Member), (string Signature, Action<MethodCall> Handler)> _direct;

    public Methods(EmulatedBlueChi blueChi)
    {
        _blueChi = blueChi;
        _nodes = new NodeMethods(blueChi);
        var controller = new ControllerMethods(blueChi);
        var monitor = new MonitorMethods(blueChi);
        var properties = new PropertyMethods(blueChi);
        _direct = new Dictionary<(string, string), (string, Action<MethodCall>)>
        {
            [(BlueChiNames.Controller, "ListNodes")] = ("", controller.ListNodes),
            [(BlueChiNames.Controller, "GetNode")] = ("s", controller.GetNode),
            [(BlueChiNames.Controller, "CreateMonitor")] = ("", controller.CreateMonitor),
            [(BlueChiNames.Controller, "SetLogLevel")] = ("s", controller.SetLogLevel),
            [(BlueChiNames.Controller, "EnableMetrics")] = ("", controller.EnableMetrics),
            [(BlueChiNames.Controller, "DisableMetrics")] = ("", controller.DisableMetrics),
            [(BlueChiNames.Monitor, "Close")] = ("", monitor.Close),
            [(BlueChiNames.Monitor, "Subscribe")] = ("ss", monitor.Subscribe),
            [(BlueChiNames.Monitor, "SubscribeList")] = ("sas", monitor.SubscribeList),
            [(BlueChiNames.Monitor, "Unsubscribe")] = ("u", monitor.Unsubscribe),
            [(BlueChiNames.Monitor, "AddPeer")] = ("s", monitor.AddPeer),
            [(BlueChiNames.Monitor, "RemovePeer")] = ("us", monitor.RemovePeer),
            [(BlueChiNames.Job, "Cancel")] = ("", controller.CancelJob),
            [("org.freedesktop.DBus.Properties", "Get")] = ("ss", properties.Get),
            [("org.freedesktop.DBus.Properties", "GetAll")] = ("s", properties.GetAll),
            [("org.freedesktop.DBus.Properties", "Set")] = ("ssv", PropertyMethods.Set),
            [(BlueChiNames.Lab, "Counters")] = ("", controller.Counters),
        }.ToFrozenDictionary();
    }

    /// <summary>Answers one call.</summary>
    public Task HandleAsync(MethodCall call) => RefusalsAsErrorsAsync(call, () => DispatchAsync(call));

    /// <summary>The error for a body that does not fit a method.</summary>
    public static BlueChiError WrongSignature(string member, string signature) =>
        BlueChiError.InvalidArguments($"Invalid arguments '{signature}' to call {member}.");

    private async Task DispatchAsync(MethodCall call)
    {
        await _blueChi.Stalled.ConfigureAwait(false);
        if (call.Interface == BlueChiNames.Node || (call.Interface, call.Member) is (BlueChiNames.Controller, "ListUnits" or "ListUnitFiles"))
        {
            // Nodes write files; the bus's thread does not wait for them.
            await Task.Run(() => _nodes.HandleAsync(call)).ConfigureAwait(false);
            return;
        }

        if (!_direct.TryGetValue((call.Interface, call.Member), out var method))
        {
            throw BlueChiError.UnknownMethod(call.Member);
        }

        if (call.Signature != method.Signature)
        {
            throw WrongSignature(call.Member, call.Signature);
        }

        lock (_blueChi.Gate)
        {
            method.Handler(call);
        }
    }

    private static async Task RefusalsAsErrorsAsync(MethodCall call, Func<Task> answer)
    {
        try
        {
            await answer().ConfigureAwait(false);
        }
        catch (BlueChiError e)
        {
            call.ReplyError(e.ErrorName, e.Message);
        }
        catch (SystemdRefusal e)
        {
            call.ReplyError(e.ErrorName, e.Message);
        }
    }
}
