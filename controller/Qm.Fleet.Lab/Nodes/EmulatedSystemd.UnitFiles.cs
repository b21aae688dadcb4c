using System.Globalization;
using System.Text;
using Qm.Fleet.BlueChi.Bus;

namespace Qm.Fleet.Lab.Nodes;

/// <content>What is started at boot, and units without a file of their own.</content>
internal sealed partial class EmulatedSystemd
{
    /// <summary>The target the node boots into.</summary>
    public string DefaultTarget
    {
        get
        {
            lock (Node.Gate)
            {
                return _source.Installation.DefaultTarget;
            }
        }
    }

    /// <summary>Has another target booted into.</summary>
    /// <exception cref="SystemdRefusal">There is no such target, or a link is in the way.</exception>
    public IReadOnlyList<LinkChange> SetDefaultTarget(string target, bool force)
    {
        lock (Node.Gate)
        {
            return [.. _source.Installation.SetDefaultTarget(target, force)];
        }
    }

    /// <summary>Has units started at boot; answers also whether any of their files asks for it.</summary>
    /// <exception cref="SystemdRefusal">One of them has no file; nothing was done.</exception>
    public (bool CarriesInstallInfo, IReadOnlyList<LinkChange> Changes) Enable(IReadOnlyList<string> names, bool runtime)
    {
        lock (Node.Gate)
        {
            var units = names.Select(LoadedOf).ToArray();
            return (units.Any(unit => unit.WantedBy.Any()), [.. units.SelectMany(unit => _source.Installation.Enable(unit, runtime))]);
        }
    }

    /// <summary>Has units no longer started at boot.</summary>
    /// <exception cref="SystemdRefusal">One of them has no file; nothing was done.</exception>
    public IReadOnlyList<LinkChange> Disable(IReadOnlyList<string> names, bool runtime)
    {
        lock (Node.Gate)
        {
            return [.. names.Select(LoadedOf).ToArray().SelectMany(unit => _source.Installation.Disable(unit.Name, runtime))];
        }
    }

    /// <summary>What the files say of a unit now, loaded again or not.</summary>
    /// <exception cref="SystemdRefusal">There is no such file.</exception>
    public string UnitFileState(string name)
    {
        lock (Node.Gate)
        {
            var loaded = _units.GetValueOrDefault(name)?.Loaded ?? throw new SystemdRefusal("org.freedesktop.DBus.Error.FileNotFound", "No such file or directory");
            return loaded.SourcePath.Length > 0 || loaded.IsTransient ? loaded.UnitFileState : _source.Installation.StateOf(name, loaded.WantedBy);
        }
    }

    /// <summary>Starts a unit that exists until it ends; a failed one until that is forgotten.</summary>
    /// <returns>The path of the job.</returns>
    /// <exception cref="SystemdRefusal">The unit exists, or a property cannot be set.</exception>
    public string StartTransient(string name, string mode, IReadOnlyList<KeyValuePair<string, BusValue>> properties)
    {
        UnitOperation operation;
        string path;
        lock (Node.Gate)
        {
            CheckMode(mode);
            CheckName(name);
            if (_units.ContainsKey(name))
            {
                throw SystemdRefusal.UnitExists($"Unit {name} was already loaded or has a fragment file.");
            }

            var loaded = _source.WriteTransient(name, Text(properties));
            var unit = _units[name] = new EmulatedUnit(name, _source.Body(name)) { Loaded = loaded, Limits = loaded.Limits };
            Changed?.Invoke(unit, UnitChange.New);
            operation = _operations.Accept(unit, JobType.Start, null, null);
            path = operation.JobPath;
        }

        Run(operation);
        return path;
    }

    private LoadedUnit LoadedOf(string name) => _units.GetValueOrDefault(name)?.Loaded ?? throw SystemdRefusal.UnitFileMissing(name);

    private string Text(IReadOnlyList<KeyValuePair<string, BusValue>> properties)
    {
        var (unit, service) = (new StringBuilder("[Unit]\n"), new StringBuilder("[Service]\n"));
        foreach (var (name, value) in properties)
        {
            switch (name, value)
            {
                case ("Description", BusValue.Text text):
                    unit.Append(CultureInfo.InvariantCulture, $"Description={text.Value}\n");
                    break;
                case ("Type" or "Restart", BusValue.Text text):
                    service.Append(CultureInfo.InvariantCulture, $"{name}={text.Value}\n");
                    break;
                case ("RemainAfterExit", BusValue.Boolean remains):
                    service.Append(CultureInfo.InvariantCulture, $"{name}={(remains.Value ? "yes" : "no")}\n");
                    break;
                case ("ExecStart", BusValue.Array commands):
                    foreach (var command in commands.AsItems())
                    {
                        service.Append(CultureInfo.InvariantCulture, $"ExecStart={string.Join(' ', command.AsItems()[1].AsItems().Select(word => word.AsText()))}\n");
                    }

                    break;
                default:
                    service.Append(ResourceControl.Default.Set(name, value, Node.Machine).Assignment).Append('\n');
                    break;
            }
        }

        return unit.Append(service).ToString();
    }
}
