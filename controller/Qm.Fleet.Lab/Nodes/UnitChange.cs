namespace Qm.Fleet.Lab.Nodes;

/// <summary>What systemd tells its subscribers about a unit.</summary>
internal enum UnitChange
{
    /// <summary>It was loaded.</summary>
    New = 1,

    /// <summary>It was unloaded, for a moment (daemon-reload) or for good.</summary>
    Removed,

    /// <summary>It took up another state.</summary>
    State,
}
