"""What every service does for people and tenants: it shows what its tables keep of one, and forgets one.

A service declares what its tables hold (:class:`~privacy.personal_data.PersonalData`,
:class:`~privacy.tenant_data.TenantData`) and takes both duties::

    Service(…, duties=(PeopleDuty(PERSONAL), TenantsDuty(TENANT_DATA)))

``people_duty`` and ``tenants_duty`` have the endpoint, the subscription and the task; ``erasures`` and ``endings`` have
how far a service is.
"""
